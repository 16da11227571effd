import { Frontier } from './frontier.ts';
import { hashBytes } from './merkle-hash.ts';
import { HashReader, type NodeId } from './merkle-proofs.ts';

/** A run of stored hashes: hash `from` of a tile level and the `count` - 1 after it, all in one tile. */
export interface HashRun {
  readonly level: number;
  readonly from: number;
  readonly count: number;
}

/** Where the hashes of tile levels are stored: files, tables. Rejects where one is missing. */
export abstract class TileHashes {
  /** One answer per run: its hashes, 32 bytes each, one after the other. */
  abstract readRuns(runs: readonly HashRun[]): Promise<readonly Uint8Array[]>;
}

const levelsPerTile = 8;

/** Serves every complete subtree from what tiles hold: every eighth level, the seven between computed from at most 128 hashes each. */
export class TileHashReader extends HashReader {
  readonly #tiles: TileHashes;

  constructor(tiles: TileHashes) {
    super();
    this.#tiles = tiles;
  }

  override async read(nodes: readonly NodeId[]): Promise<readonly Uint8Array[]> {
    const runs = nodes.map(runOf);
    const stored = await this.#tiles.readRuns(runs);
    return runs.map((run, index) => {
      const hashes = stored[index];
      if (hashes?.length !== run.count * hashBytes) throw new Error(`hashes of tile level ${run.level} are missing`);
      return rootOf(hashes);
    });
  }
}

function runOf(node: NodeId): HashRun {
  const level = Math.floor(node.level / levelsPerTile);
  const count = 2 ** (node.level % levelsPerTile);
  return { level, from: node.index * count, count };
}

/** The root over hashes that stand one after the other, 32 bytes each. */
export function rootOf(hashes: Uint8Array): Uint8Array {
  const frontier = Frontier.empty();
  for (let at = 0; at < hashes.length; at += hashBytes) frontier.append(hashes.subarray(at, at + hashBytes));
  return frontier.root();
}
