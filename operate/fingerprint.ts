export { fingerprint } from "../stack/rotation-notes";
