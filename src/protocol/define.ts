import type * as z from 'zod/mini';

/** A request: its method, its reference text, and the schemas of params and result. */
export type RequestSpec<
  Method extends string = string,
  Params extends z.ZodMiniType = z.ZodMiniType,
  Result extends z.ZodMiniType = z.ZodMiniType,
> = { readonly method: Method; readonly doc: string; readonly params: Params; readonly result: Result };

/** A notification: a message without an answer. */
export type NotificationSpec<Method extends string = string, Params extends z.ZodMiniType = z.ZodMiniType> = {
  readonly method: Method;
  readonly doc: string;
  readonly params: Params;
};

/**
 * Declares a request. `doc` is Markdown; with the descriptions of the fields it makes up `docs/methods.md`. The schemas
 * are created on first use: a connection uses few of them, and a server must start quickly.
 */
export const request = <Method extends string, Params extends z.ZodMiniType, Result extends z.ZodMiniType>(
  method: Method,
  declare: () => { doc: string; params: Params; result: Result },
): RequestSpec<Method, Params, Result> => {
  const message = lazy(declare);
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

/** Declares a notification, like `request`. */
export const notification = <Method extends string, Params extends z.ZodMiniType>(
  method: Method,
  declare: () => { doc: string; params: Params },
): NotificationSpec<Method, Params> => {
  const message = lazy(declare);
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

/** Makes a value on the first call. */
export const lazy = <Value extends object>(make: () => Value): (() => Value) => {
  let made: Value | undefined;
  return () => {
    made ??= make();
    return made;
  };
};

/** Params as a sender writes them: optional fields may be absent, bytes are base64. */
export type ParamsIn<Spec extends NotificationSpec> = z.input<Spec['params']>;

/** Params as a receiver gets them: with defaults, and bytes decoded. */
export type ParamsOut<Spec extends NotificationSpec> = z.output<Spec['params']>;

/** The result as the receiver of the request writes it. */
export type ResultIn<Spec extends RequestSpec> = z.input<Spec['result']>;

/** The result as the sender of the request gets it. */
export type ResultOut<Spec extends RequestSpec> = z.output<Spec['result']>;
