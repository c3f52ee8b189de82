/** A day on which objects are to believe that they live: alarms that they set then do not come by themselves while a test runs. */
export const FAR_MS = Date.UTC(2100, 0, 1)
