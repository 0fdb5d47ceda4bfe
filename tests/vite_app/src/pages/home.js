import mark from "../mark.svg?url&no-inline";

export const title = "Home";
export const content = `<h1>Home</h1><img id="mark" src="${mark}" alt="mark" width="32">`;
