export * as audit from './generated/sallyport/audit/v1/audit.ts';
export * as executor from './generated/sallyport/executor/v1/executor.ts';
export * as identity from './generated/sallyport/identity/v1/identity.ts';
export * as route from './generated/sallyport/route/v1/route.ts';
export * as sandbox from './generated/sallyport/sandbox/v1/sandbox.ts';
export * as tunnel from './generated/sallyport/tunnel/v1/tunnel.ts';
