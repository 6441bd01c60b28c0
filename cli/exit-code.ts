/**
 * How a command ends: 0 all is well; 1 something is wrong or could not be done, and was said; 2 wrong usage, nothing was
 * done; 130 stopped by a signal. Any other is that of the command which `output --exec` ran.
 */
export type ExitCode = number;
