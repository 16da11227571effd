/** A wait that a hint ends. A hint that comes while nobody waits ends the next wait at once. */
export class WakeUp {
  #hinted = false;
  #end: (() => void) | undefined;

  wake(): void {
    if (this.#end === undefined) this.#hinted = true;
    else this.#end();
  }

  async wait(ms: number): Promise<void> {
    if (this.#hinted) {
      this.#hinted = false;
      return;
    }
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#end = undefined;
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#end = end;
    });
  }
}
