export { graceDuration } from "./option-values";
