/** The services of the suite, as their certificates name them (SAN DNS). */
export const serviceName = {
  audit: 'audit.sallyport.internal',
  control: 'control.sallyport.internal',
  edge: 'edge.sallyport.internal',
  executor: 'executor.sallyport.internal',
  router: 'router.sallyport.internal',
  scheduler: 'scheduler.sallyport.internal',
} as const;

export type ServiceName = (typeof serviceName)[keyof typeof serviceName];
