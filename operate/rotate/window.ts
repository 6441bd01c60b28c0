export { windowEndAfter } from "../../stack/rotation-notes";
