let prepared: Promise<void> | undefined;

/**
 * Makes `import()` of this project's files work in a test: the test runner loads tests by the quick half of tsx, which knows
 * `require` alone.
 */
export function prepareImports(): Promise<void> {
  return (prepared ??= import("tsx/esm/api").then(({ register }) => {
    register();
  }));
}
