export { type CanonicalRefusal, canonicalDepthMax, canonicalize, isCanonical } from './canonical-json.ts';
export {
  type Checkpoint,
  type CheckpointRefusal,
  checkpointText,
  openCheckpoint,
  parseCheckpointText,
  signCheckpoint,
} from './checkpoint.ts';
export { type DecodedBundle, decodeEntryBundle, encodeEntryBundle } from './entry-bundle.ts';
export { type ExportFault, type ExportFaultCode, describeFault } from './export-fault.ts';
export { type ExportFile, type ExportLeaf, checkpointPath, exportFiles } from './export-files.ts';
export { Frontier, treeSizeMax } from './frontier.ts';
export { type LogName, logOrigin, topicOfOrigin } from './log-origin.ts';
export { emptyRoot, entryBytesMax, hashBytes, leafHash, nodeHash, sameHash } from './merkle-hash.ts';
export {
  type ConsistencyClaim,
  HashReader,
  type InclusionClaim,
  type NodeId,
  type ProofRequestRefusal,
  consistencyProof,
  inclusionProof,
  rootAt,
  verifyConsistency,
  verifyInclusion,
} from './merkle-proofs.ts';
export {
  type NoteSigner,
  type NoteVerifier,
  type VkeyRefusal,
  noteSignerFromSeed,
  parseVkey,
  parseVkeys,
} from './note-keys.ts';
export {
  type NoteRefusal,
  type OpenedNote,
  noteBytesMax,
  noteSignaturesMax,
  noteTextUnchecked,
  openNote,
  signNote,
} from './signed-note.ts';
export { type HashRun, TileHashReader, TileHashes, rootOf } from './tile-hash-reader.ts';
export { type TileId, entriesPath, leavesPerHash, tilePath, tileWidth, tilesOf, widthAt } from './tile-layout.ts';
export { type CompletedHash, TileLevels, resumeRuns } from './tile-levels.ts';
export { type ExportVerification, type VerifiedLog, verifyExport } from './verify-export.ts';
export { LogFiles, type LogVerification, verifyLog } from './verify-log.ts';
