/** Time that a command gets where it asks for none, and the most that it may ask for. */
export const bashTimeoutMsDefault = 120_000;
export const bashTimeoutMsMax = 600_000;
/** Of a command's output the first and the last half of this are kept. */
export const bashOutputBytesMax = 100 * 1024;
export const readBytesMax = 256 * 1024;
export const writeBytesMax = 2 * 1024 * 1024;
export const globEntriesMax = 200;
export const grepOutputBytesMax = 100 * 1024;
export const grepTimeoutMsMax = 60_000;
/** What a file tool may take; the sandbox does the work in milliseconds. */
export const fileTimeoutMsMax = 30_000;
