import js from "@eslint/js";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  { ignores: ["node_modules/"] },
  js.configs.recommended,
  {
    // Run by Node as they are: what starts or measures the loading of TypeScript.
    files: ["**/*.cjs"],
    languageOptions: {
      sourceType: "commonjs",
      globals: { process: "readonly", require: "readonly", __dirname: "readonly", __filename: "readonly" },
    },
  },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      curly: ["error", "all"],
      eqeqeq: ["error", "always"],
      "@typescript-eslint/consistent-type-imports": "error",
      // Numbers in messages (limits, ports, counts) read better interpolated than wrapped in String().
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // A resource is declared by constructing it; nothing else is done with the object.
      "no-new": "off",
      // A package of the workspace by its name, like any other.
      "no-restricted-imports": ["error", { patterns: ["**/packages/*"] }],
    },
  },
  {
    files: ["**/*.test.ts", "test/**/*.ts"],
    rules: {
      // node:test's describe and it return promises that the runner itself awaits.
      "@typescript-eslint/no-floating-promises": [
        "error",
        {
          allowForKnownSafeCalls: [
            { from: "package", name: ["it", "describe", "test"], package: "node:test" },
          ],
        },
      ],
    },
  },
);
