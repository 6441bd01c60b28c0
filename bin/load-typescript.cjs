"use strict";
/*
 * Lets `require` load TypeScript by tsx, but only where this project asks for it: tsx would look into each file of the packages as
 * well, which takes longer than loading them.
 */
const Module = require("node:module");
const { sep } = require("node:path");

const node = { load: Module._extensions[".js"], resolve: Module._resolveFilename };
require("tsx/cjs");
const tsx = { load: Module._extensions[".js"], resolve: Module._resolveFilename };

const folder = `${sep}node_modules${sep}`;
const inPackage = (file) => file?.includes(folder) === true;

Module._extensions[".js"] = function load(module, file) {
  return (inPackage(file) ? node : tsx).load.call(this, module, file);
};
Module._resolveFilename = function resolve(request, parent, ...rest) {
  return (inPackage(parent?.filename) ? node : tsx).resolve.call(this, request, parent, ...rest);
};
