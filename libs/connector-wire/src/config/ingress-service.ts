/** Where a rule sends its requests (spec §8). */
export type IngressService =
  | { readonly type: 'http'; readonly secure: boolean; readonly hostname: string; readonly port: number }
  | { readonly type: 'unix'; readonly secure: boolean; readonly socketPath: string }
  | { readonly type: 'status'; readonly status: number };

const schemes: Readonly<Record<string, boolean>> = { 'http:': false, 'ws:': false, 'https:': true, 'wss:': true };

/** The service, or a sentence that says what is wrong and what to write. */
export function parseIngressService(text: string): IngressService | string {
  const status = /^http_status:(\d+)$/.exec(text);
  if (status !== null) {
    const code = Number(status[1]);
    return code >= 100 && code <= 999 ? { type: 'status', status: code } : 'http_status takes a number from 100 to 999';
  }
  if (text.startsWith('unix:') || text.startsWith('unix+tls:')) {
    const socketPath = text.slice(text.indexOf(':') + 1);
    if (!socketPath.startsWith('/')) return 'a unix service takes an absolute path, for example unix:/run/app.sock';
    return { type: 'unix', secure: text.startsWith('unix+tls:'), socketPath };
  }
  return parseUrlService(text);
}

function parseUrlService(text: string): IngressService | string {
  const url = URL.parse(text);
  if (url === null) return 'is not a service; write http://host:port, https://host:port, unix:/path or http_status:404';
  const secure = schemes[url.protocol];
  if (secure === undefined || url.hostname === '') {
    return `"${url.protocol}" services are not supported by this connector; write http://host:port, https://host:port, unix:/path or http_status:404`;
  }
  if (url.username !== '' || url.password !== '') return 'may not carry a user name or password';
  if ((url.pathname !== '/' && url.pathname !== '') || url.search !== '' || url.hash !== '') {
    return 'may not carry a path or a query: the path of the request is passed on unchanged';
  }
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  return { type: 'http', secure, hostname, port };
}
