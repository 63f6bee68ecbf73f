// What this browser can do.

/** Whether an extension can capture a tab's sound. Chrome, Edge and Brave allow it; Firefox does not. */
export const capturesTabs = "tabCapture" in chrome;
