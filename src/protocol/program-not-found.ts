import { describePathOrigin, type PathOrigin } from '../shared-config/index.ts';

/** The search for a program. */
export type FailedSearch = {
  readonly program: string;
  /** The directories, empty text for the current one; `undefined` for a program that was named with its path. */
  readonly searchedPath: readonly string[] | undefined;
  /** The origin of the child's `PATH`, if known. */
  readonly pathFrom: PathOrigin | undefined;
  /** The separator of directories in a `PATH` on that machine. */
  readonly separator: ':' | ';';
};

/** Says that a program was not found, in which directories, and where the list of these came from. */
export const programNotFound = ({ program, searchedPath, pathFrom, separator }: FailedSearch): string => {
  if (searchedPath === undefined) return `program not found: ${program}`;
  const searched = searchedPath.join(separator) || 'an empty PATH';
  return `program not found: ${program} (searched ${searched}${pathFrom ? originOf(pathFrom) : ''})`;
};

const originOf = (pathFrom: PathOrigin): string => {
  // What the client sent, it knows.
  if (pathFrom.outcome === 'set' && pathFrom.base === undefined) return '';
  const isThere = pathFrom.outcome === 'set' || pathFrom.outcome === 'kept';
  return `${isThere ? '' : ' by default'}; ${describePathOrigin(pathFrom)}`;
};
