import type * as z from 'zod/mini';

/** A call that is answered: what goes there and what comes back. */
export type RequestSpec<
  Method extends string = string,
  Params extends z.ZodMiniType = z.ZodMiniType,
  Result extends z.ZodMiniType = z.ZodMiniType,
> = { readonly method: Method; readonly doc: string; readonly params: Params; readonly result: Result };

/** A message without an answer. */
export type NotificationSpec<Method extends string = string, Params extends z.ZodMiniType = z.ZodMiniType> = {
  readonly method: Method;
  readonly doc: string;
  readonly params: Params;
};

/**
 * Declares a request: its wire name, what it does, and the schemas of both directions. `doc` is Markdown,
 * and with the descriptions of the fields it makes up `docs/methods.md`. The schemas are made on first use:
 * a connection uses few of them, and a server has to start quickly.
 */
export const request = <Method extends string, Params extends z.ZodMiniType, Result extends z.ZodMiniType>(
  method: Method,
  declare: () => { doc: string; params: Params; result: Result },
): RequestSpec<Method, Params, Result> => {
  const message = once(declare);
  return {
    method,
    get doc() {
      return message().doc;
    },
    get params() {
      return message().params;
    },
    get result() {
      return message().result;
    },
  };
};

/** Declares a notification: its wire name, what it tells, and the schema of its params. */
export const notification = <Method extends string, Params extends z.ZodMiniType>(
  method: Method,
  declare: () => { doc: string; params: Params },
): NotificationSpec<Method, Params> => {
  const message = once(declare);
  return {
    method,
    get doc() {
      return message().doc;
    },
    get params() {
      return message().params;
    },
  };
};

const once = <Value extends object>(make: () => Value): (() => Value) => {
  let made: Value | undefined;
  return () => {
    made ??= make();
    return made;
  };
};

/** Params as a sender writes them: optional fields may be left out, bytes are base64 text. */
export type ParamsIn<Spec extends NotificationSpec> = z.input<Spec['params']>;

/** Params as a receiver gets them: defaults filled in, bytes decoded. */
export type ParamsOut<Spec extends NotificationSpec> = z.output<Spec['params']>;

/** The result as the answering side writes it. */
export type ResultIn<Spec extends RequestSpec> = z.input<Spec['result']>;

/** The result as the asking side gets it. */
export type ResultOut<Spec extends RequestSpec> = z.output<Spec['result']>;
