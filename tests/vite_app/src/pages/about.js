export const title = "About";
export const content = "<h1>About</h1>";
