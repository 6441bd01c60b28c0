import * as pulumi from "@pulumi/pulumi";
import { UserError } from "../fleet/problem";

/**
 * Wraps the program for Pulumi: what a person can mend ends in its message alone, without a stack trace.
 * Pulumi calls an exported function and awaits it, which is how a CommonJS program can be asynchronous.
 */
export function program<T>(declare: () => Promise<T>): () => Promise<T> {
  return async () => {
    try {
      return await declare();
    } catch (error) {
      throw error instanceof UserError ? new pulumi.RunError(error.message) : error;
    }
  };
}
