import type { FactoryProvider, ValueProvider } from '@nestjs/common';

/** A class, abstract or not, that stands for what it makes: our only kind of injection token. */
export type Token<Value = unknown> = abstract new (...args: never[]) => Value;
export type Values<Tokens extends readonly Token[]> = {
  [Index in keyof Tokens]: Tokens[Index] extends Token<infer Value> ? Value : never;
};

/** One line of a module: what is provided, from what, and how. Wrong order or a missing dependency does not compile. */
export function provide<Value, const Tokens extends readonly Token[]>(
  token: Token<Value>,
  dependencies: Tokens,
  make: (...values: Values<Tokens>) => Value | Promise<Value>,
): FactoryProvider<Value> {
  return { provide: token, inject: [...dependencies], useFactory: make as FactoryProvider<Value>['useFactory'] };
}

export function provideValue<Value>(token: Token<Value>, value: Value): ValueProvider<Value> {
  return { provide: token, useValue: value };
}
