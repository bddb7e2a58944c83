import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import { fileRequests } from '../../protocol/files.ts';

type FileRequests = typeof fileRequests;

/** The wire name of a file method. */
export type FileMethod = keyof FileRequests;
export type FileParams<Method extends FileMethod> = ParamsOut<FileRequests[Method]>;
export type FileResult<Method extends FileMethod> = ResultIn<FileRequests[Method]>;
export type FileHandler<Method extends FileMethod> = (
  params: FileParams<Method>,
) => Promise<FileResult<Method>>;

/** One handler for each file method. */
export type FileHandlers = { readonly [Method in FileMethod]: FileHandler<Method> };

/** Builds a table of handlers from a function that returns the handler of one method. */
export const fileHandlers = (
  handlerOf: <Method extends FileMethod>(method: Method) => FileHandler<Method>,
): FileHandlers =>
  Object.fromEntries(METHODS.map(method => [method, handlerOf(method)])) as unknown as FileHandlers;

const METHODS = Object.keys(fileRequests) as FileMethod[];
