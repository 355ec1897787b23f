import { go } from "../parts/route.js";
import { T } from "../texts.js";
import { VimForm } from "./vim_form.js";

export function RegisterPage() {
  return (
    <>
      <h1 class="hidden">{T.pages.register}</h1>
      <VimForm onClose={(vimId) => (vimId ? go(`/vims/${vimId}`) : go("/vims"))} />
    </>
  );
}
