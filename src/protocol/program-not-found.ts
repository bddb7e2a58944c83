import { describePathOrigin, type PathOrigin } from '../shared-config/index.ts';

/** A search for a program that failed. */
export type FailedSearch = {
  readonly program: string;
  /** Directories that were searched, the current one as an empty string; `undefined` for a program with a path. */
  readonly searchedPath: readonly string[] | undefined;
  /** Origin of the child's `PATH`, if it is known. */
  readonly pathFrom: PathOrigin | undefined;
  /** Separator of the directories of a `PATH` on that platform. */
  readonly separator: ':' | ';';
};

/** Composes the message for a program that was not found, with the directories and the origin of that list. */
export const programNotFound = ({ program, searchedPath, pathFrom, separator }: FailedSearch): string => {
  if (searchedPath === undefined) return `program not found: ${program}`;
  const searched = searchedPath.join(separator) || 'an empty PATH';
  return `program not found: ${program} (searched ${searched}${pathFrom ? originOf(pathFrom) : ''})`;
};

const originOf = (pathFrom: PathOrigin): string => {
  // The client has set it itself.
  if (pathFrom.outcome === 'set' && pathFrom.base === undefined) return '';
  const hasPath = pathFrom.outcome === 'set' || pathFrom.outcome === 'kept';
  return `${hasPath ? '' : ' by default'}; ${describePathOrigin(pathFrom)}`;
};
