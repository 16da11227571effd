/** How much a workspace may take of what all share. */
export interface Share {
  /** Claims per turn relative to the others; at least 1. */
  readonly weight: number;
  /** Sandboxes at once. */
  readonly leasesMax: number;
}

interface Account {
  /** The virtual time at which the workspace's next claim is due. */
  readonly due: number;
}

/**
 * Weighted round-robin over the workspaces that wait (start-time fair queueing): each claim moves a workspace's virtual time on by 1 ÷ weight, the
 * smallest is next. A workspace that was idle starts at the present, so it can neither save up turns nor owe any.
 */
export class FairShare {
  readonly #accounts = new Map<string, Account>();
  #now = 0;

  /** The workspace whose turn it is, of those that have work waiting; undefined where all are at their caps. */
  next(
    waiting: readonly string[],
    shareOf: (workspaceId: string) => Share,
    leasesOf: (workspaceId: string) => number,
  ): string | undefined {
    let best: { readonly workspaceId: string; readonly due: number } | undefined;
    for (const workspaceId of waiting) {
      if (leasesOf(workspaceId) >= shareOf(workspaceId).leasesMax) continue;
      const due = Math.max(this.#now, this.#accounts.get(workspaceId)?.due ?? 0);
      if (best === undefined || due < best.due) best = { workspaceId, due };
    }
    return best?.workspaceId;
  }

  /** A claim was made for the workspace. */
  charge(workspaceId: string, { weight }: Share): void {
    const due = Math.max(this.#now, this.#accounts.get(workspaceId)?.due ?? 0);
    this.#now = due;
    this.#accounts.set(workspaceId, { due: due + 1 / Math.max(1, weight) });
    for (const [other, account] of this.#accounts) if (account.due <= this.#now) this.#accounts.delete(other);
  }
}
