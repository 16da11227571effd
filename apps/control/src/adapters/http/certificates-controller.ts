import { type RestAnswer, restController, type RestRequest } from '@sallyport/nest-runtime';
import { ChangeTunnel } from '../../application/change-tunnel.ts';
import { CaCertificates } from '../../ports/ca-certificates.ts';
import { ClockAndIds } from '../../ports/clock-and-ids.ts';
import { TunnelDirectory } from '../../ports/tunnel-directory.ts';
import { json, refusal } from './api-answer.ts';
import { Callers } from './callers.ts';
import { bodyObject, pageFields, textField } from './request-fields.ts';
import { certificateJson, certificateProblem, tunnelRefusal } from './tunnel-answers.ts';

const pageLimits = { limitDefault: 20, limitMax: 1_000 };
/** More than the CA reader takes, so that it gives the reason. */
const pemCharactersMax = 16_384;

export class CertificatesController {
  readonly #callers: Callers;
  readonly #directory: TunnelDirectory;
  readonly #change: ChangeTunnel;
  readonly #certificates: CaCertificates;
  readonly #ids: ClockAndIds;

  constructor(
    callers: Callers,
    directory: TunnelDirectory,
    change: ChangeTunnel,
    certificates: CaCertificates,
    ids: ClockAndIds,
  ) {
    this.#callers = callers;
    this.#directory = directory;
    this.#change = change;
    this.#certificates = certificates;
    this.#ids = ids;
  }

  async register(request: RestRequest): Promise<RestAnswer> {
    const caller = await this.#callers.authenticateInWorkspace(request, 'manage');
    if (!caller.ok) return caller.reason;
    const body = bodyObject(request);
    const pem = body.ok
      ? textField(body.value, 'ca_certificate_pem', { charactersMin: 1, charactersMax: pemCharactersMax })
      : body;
    if (!pem.ok) return refusal(400, 'bad_request', pem.reason);
    const nowMs = this.#ids.nowMs();
    const certificate = this.#certificates.read(pem.value, nowMs);
    if (!certificate.ok) return certificateProblem(certificate.reason);
    const certificateId = this.#ids.id('tcrt');
    const tunnelId = request.params['tunnelId'] ?? '';
    const { credential, workspaceId } = caller.value;
    const command = { type: 'RegisterCertificate', certificateId, ...certificate.value, createdAtMs: nowMs } as const;
    const registered = await this.#change.run({ actorId: credential.apiKeyId, workspaceId }, tunnelId, command);
    return registered.ok ? this.#answer(tunnelId, certificateId) : tunnelRefusal(registered.reason);
  }

  async list(request: RestRequest): Promise<RestAnswer> {
    const tunnelId = await this.#visibleTunnel(request);
    if (typeof tunnelId !== 'string') return tunnelId;
    const fields = pageFields(request, pageLimits);
    if (!fields.ok) return refusal(400, 'bad_request', fields.reason);
    const page = await this.#directory.certificates(tunnelId, fields.value);
    if (page === 'bad-page') return refusal(400, 'bad_request', '`page` is none of ours');
    return json({ data: page.items.map(certificateJson), next_page: page.nextPage });
  }

  async retrieve(request: RestRequest): Promise<RestAnswer> {
    const tunnelId = await this.#visibleTunnel(request);
    return typeof tunnelId === 'string' ? this.#answer(tunnelId, request.params['certificateId'] ?? '') : tunnelId;
  }

  async archive(request: RestRequest): Promise<RestAnswer> {
    const caller = await this.#callers.authenticateInWorkspace(request, 'manage');
    if (!caller.ok) return caller.reason;
    const { tunnelId = '', certificateId = '' } = request.params;
    const { credential, workspaceId } = caller.value;
    const command = { type: 'ArchiveCertificate', certificateId, atMs: this.#ids.nowMs() } as const;
    const archived = await this.#change.run({ actorId: credential.apiKeyId, workspaceId }, tunnelId, command);
    return archived.ok ? this.#answer(tunnelId, certificateId) : tunnelRefusal(archived.reason);
  }

  async #answer(tunnelId: string, certificateId: string): Promise<RestAnswer> {
    const certificate = await this.#directory.certificate(tunnelId, certificateId);
    return certificate === undefined ? tunnelRefusal('certificate-unknown') : json(certificateJson(certificate));
  }

  async #visibleTunnel(request: RestRequest): Promise<string | RestAnswer> {
    const caller = await this.#callers.authenticateInWorkspace(request, 'manage');
    if (!caller.ok) return caller.reason;
    const tunnel = await this.#directory.tunnel(caller.value.workspaceId, request.params['tunnelId'] ?? '');
    return tunnel?.tunnelId ?? tunnelRefusal('tunnel-unknown');
  }
}

export const certificatesController = restController(
  CertificatesController,
  [Callers, TunnelDirectory, ChangeTunnel, CaCertificates, ClockAndIds],
  {
    register: 'POST /v1/tunnels/:tunnelId/certificates',
    list: 'GET /v1/tunnels/:tunnelId/certificates',
    retrieve: 'GET /v1/tunnels/:tunnelId/certificates/:certificateId',
    archive: 'POST /v1/tunnels/:tunnelId/certificates/:certificateId/archive',
  },
);
