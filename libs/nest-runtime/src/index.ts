export { provide, provideValue, type Token, type Values } from './provide.ts';
export { type RestAnswer, restController, type RestMethod, type RestRequest } from './rest-controller.ts';
export { type RestListener, RestServer } from './rest-server.ts';
export { AppService, runApp } from './run-app.ts';
