import fc from "fast-check";

/**
 * Property tests try the same cases in every run, so that a change that has nothing to do with them never fails. Look for more with
 * another one: `PROPERTY_SEED=$RANDOM npm test -- collectors`.
 */
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env.PROPERTY_SEED ?? 20261124) });
