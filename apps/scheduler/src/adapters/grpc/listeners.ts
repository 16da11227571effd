import { GrpcServer } from '@sallyport/grpc';

/** For router and control. */
export class ServiceListener extends GrpcServer {}

/** For executors: another address, since they stand on other people's hosts. */
export class ExecutorListener extends GrpcServer {}
