export { testSite } from "../../fleet/testing/test-site";
