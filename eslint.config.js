import js from "@eslint/js";

// What is not defined or not used correctly is found by the type checker: see tsconfig.json.
export default [
  { ignores: [".venv*/**", "build/**", "dist/**"] },
  js.configs.recommended,
  {
    rules: {
      "array-callback-return": "error",
      eqeqeq: ["error", "smart"],
      "no-constructor-return": "error",
      "no-nested-ternary": "error",
      "no-promise-executor-return": "error",
      "no-self-compare": "error",
      "no-undef": "off",
      "no-unneeded-ternary": "error",
      "no-unused-vars": ["error", { varsIgnorePattern: "^_$", argsIgnorePattern: "^_$" }],
      "no-useless-rename": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
  },
];
