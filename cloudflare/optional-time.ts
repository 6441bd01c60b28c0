import { z } from "zod";

/** A time that an answer may leave out or give as null; what is no time at all counts as left out. */
export const optionalTime = z
  .string()
  .refine((text) => !Number.isNaN(Date.parse(text)))
  .nullable()
  .optional()
  .catch(undefined);
