/** The version of all parts together, as package.json has it. */
export const VERSION = "0.1.0"
