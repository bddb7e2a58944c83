/**
 * The files of a server that a client installs on a host, in the order of their bytes. It is sent as one line of JSON;
 * the packed files follow.
 */
export type InstallationManifest = {
  /** Size of all files, packed together by gzip. */
  readonly packedBytes: number;
  readonly files: ReadonlyArray<{
    /** Path below the directory of the installation, with `/`. */
    readonly path: string;
    readonly mode: number;
    readonly bytes: number;
    /** SHA-256 of the content, in hexadecimal. */
    readonly sha256: string;
  }>;
};
