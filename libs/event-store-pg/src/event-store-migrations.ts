/** The tables of the event store; a service applies them in its own schema. */
export const eventStoreMigrations = new URL('./migrations/', import.meta.url);
