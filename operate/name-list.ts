export { someOf as nameList } from "../fleet/wording";
