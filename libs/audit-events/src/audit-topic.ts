/** Where events go. Never compacted, one partition, one Merkle log for each of the first two. */
export const auditTopic = {
  toolcall: 'sallyport.toolcall.v1',
  control: 'sallyport.control.v1',
  checkpoint: 'sallyport.checkpoint.v1',
  deadLetter: 'sallyport.dlq.v1',
} as const;

export type AuditTopic = (typeof auditTopic)[keyof typeof auditTopic];
