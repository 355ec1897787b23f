import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { VimeshError } from "vimesh-client";
import { Monitor_Engine, ProbePolicy_Method, type Vim } from "vimesh-client/v1/vim";
import { useSession } from "../parts/app_context.js";
import { useAttempt } from "../parts/attempt.js";
import { ErrorNotice, errorText, Section } from "../parts/notices.js";
import { engineText, methodText, T } from "../texts.js";
import { changedFields, EMPTY, faultsOf, type FieldName, type FormValues, readValues, valuesOf } from "./form_values.js";

interface FormProps {
  /** The VIM to change; without one, one is registered. */
  readonly vim?: Vim;
  /** Called with the id of the VIM, or without if nothing was done. */
  readonly onClose: (vimId?: string) => void;
}

const ENGINES = [Monitor_Engine.EMBEDDED, Monitor_Engine.MISTRAL, Monitor_Engine.EXTERNAL];
const METHODS = [ProbePolicy_Method.HTTP, ProbePolicy_Method.TCP, ProbePolicy_Method.PING];

/** Registers or changes a VIM. The fleet judges what was typed, and its words are shown at the fields that it names. */
export function VimForm({ vim, onClose }: FormProps) {
  const { client } = useSession();
  // What is compared with is what the reader saw: a later look at the VIM must not undo what is being typed.
  const [seen] = useState(vim);
  const [before] = useState(() => (vim ? valuesOf(vim) : EMPTY));
  const [values, setValues] = useState(before);
  const [faults, setFaults] = useState<ReadonlyMap<string, string>>(new Map());
  const [error, setError] = useState<unknown>();
  const [said, setSaid] = useState("");
  const [waits, setWaits] = useState(false);
  const attempt = useAttempt(values);
  const isSending = useRef(false);

  const send = async (validateOnly: boolean) => {
    // Two clicks of one moment come before the buttons are disabled.
    if (isSending.current) return;
    const read = readValues(values);
    const paths = changedFields(before, values);
    const judged = seen ? faultsOf(read.faults, paths) : read.faults;
    setFaults(judged);
    setError(undefined);
    setSaid("");
    if (judged.size > 0) return;
    isSending.current = true;
    setWaits(true);
    try {
      let vimId: string | undefined;
      if (seen) {
        const engine = values.engine === before.engine ? Monitor_Engine.ENGINE_UNSPECIFIED : read.engine;
        if (paths.length === 0 && !engine) return setSaid(T.form.nothing);
        const change = { ...read.vim, id: seen.id, projectId: seen.projectId };
        const request = { vim: change, updateMask: { paths }, etag: seen.etag, engine, validateOnly };
        // An empty mask means the fields that are set: with the engine alone, none must be.
        if (paths.length === 0) Object.assign(request, { vim: { id: seen.id } });
        vimId = (await client.vims.modifyVim(request)).vim?.id;
      } else {
        const request = { vim: read.vim, engine: read.engine, validateOnly, requestId: validateOnly ? "" : attempt.id() };
        vimId = (await client.vims.registerVim(request)).vim?.id;
      }
      if (validateOnly) setSaid(T.form.checked);
      else onClose(vimId);
    } catch (thrown) {
      const found = thrown instanceof VimeshError ? thrown : undefined;
      const violations = found?.violations ?? [];
      setFaults(new Map(violations.map(({ field, description }) => [fieldOf(field), description])));
      setError(found?.reason === "ETAG_MISMATCH" ? new Error(`${errorText(found)} ${T.form.reload}`) : thrown);
      if (!validateOnly) attempt.failed(thrown);
    } finally {
      isSending.current = false;
      setWaits(false);
    }
  };
  const set = (name: FieldName) => (value: string | boolean) => setValues((last) => ({ ...last, [name]: value }));
  const field = (name: FieldName, label: string, hint?: string) => ({ name, label, hint, fault: faults.get(name), values, set: set(name) });
  const title = seen ? T.form.modifyTitle(seen.name) : T.form.registerTitle;

  return (
    <Section title={title}>
      <form
        class="vim-form"
        onSubmit={(event) => {
          event.preventDefault();
          void send(false);
        }}
      >
        <Text {...field("name", T.form.name)} />
        <Choice {...field("type", T.form.type)} options={[["openstack", "openstack"], ["kubernetes", "kubernetes"]]} />
        <Text {...field("auth_url", T.form.authUrl, T.form.authUrlHint)} />
        {!seen && <Text {...field("project_id", T.form.project, T.form.projectHint)} />}
        <Text {...field("description", T.form.description)} />
        <Area {...field("labels", T.form.labels, T.form.labelsHint)} />
        <fieldset>
          <legend>{T.form.policy}</legend>
          <p class="hint">{T.form.policyHint}</p>
          <Choice
            {...field("probe_policy.method", T.form.method)}
            options={[["0", T.form.asDefault], ...METHODS.map((method) => [String(method), methodText(method)] as const)]}
          />
          <Text {...field("probe_policy.interval", T.form.interval)} />
          <Text {...field("probe_policy.timeout", T.form.timeout)} />
          <Text {...field("probe_policy.fall", T.form.fall)} />
          <Text {...field("probe_policy.rise", T.form.rise)} />
          <Text {...field("probe_policy.fail_for", T.form.failFor)} />
          <Text {...field("probe_policy.vantages", T.form.vantages, T.form.vantagesHint)} />
          <Text {...field("probe_policy.quorum", T.form.quorum, T.form.quorumHint)} />
          <Check {...field("probe_policy.tls_verify", T.form.tlsVerify)} />
        </fieldset>
        <details open={["vim_project", "auth_cred", "placement_attr", "extra", "engine"].some((name) => faults.has(name))}>
          <summary>{T.form.free}</summary>
          <p class="hint">{T.form.freeHint}</p>
          <Choice
            {...field("engine", T.form.engine)}
            options={[["0", T.form.asDefault], ...ENGINES.map((engine) => [String(engine), engineText(engine)] as const)]}
          />
          <Check {...field("is_default", T.form.isDefault)} />
          <Area {...field("vim_project", T.form.vimProject)} />
          <Area {...field("auth_cred", T.form.authCred)} />
          <Area {...field("placement_attr", T.form.placementAttr)} />
          <Area {...field("extra", T.form.extra)} />
        </details>
        <OtherFaults faults={faults} />
        <ErrorNotice error={error} />
        {said && <p role="status">{said}</p>}
        <footer>
          <button type="button" onClick={() => onClose()}>
            {T.cancel}
          </button>
          <button type="button" disabled={waits} onClick={() => void send(true)}>
            {T.form.check}
          </button>
          <button type="submit" class="primary" disabled={waits}>
            {seen ? T.form.save : T.form.register}
          </button>
        </footer>
      </form>
    </Section>
  );
}

/** The field of the form that a path of the contract is about: one vantage of several stands in the field of all. */
function fieldOf(path: string): string {
  return path.replace(/^vim\./, "").replace(/^(probe_policy\.vantages)\[\d+\]$/, "$1");
}

/** What the fleet says of fields that the form does not have, such as one label of many. */
function OtherFaults({ faults }: { faults: ReadonlyMap<string, string> }) {
  const other = [...faults].filter(([name]) => !(name in EMPTY));
  if (other.length === 0) return null;
  return (
    <ul class="field-error">
      {other.map(([name, fault]) => (
        <li key={name}>
          {name}: {fault}
        </li>
      ))}
    </ul>
  );
}

interface FieldProps {
  readonly name: FieldName;
  readonly label: string;
  readonly hint: string | undefined;
  readonly fault: string | undefined;
  readonly values: FormValues;
  readonly set: (value: string | boolean) => void;
}

function Field({ name, label, hint, fault, children }: FieldProps & { children: ComponentChildren }) {
  return (
    <div class="field">
      <label for={`field-${name}`}>{label}</label>
      {children}
      {hint && <p class="hint">{hint}</p>}
      {fault && (
        <p class="field-error" id={`fault-${name}`}>
          {fault}
        </p>
      )}
    </div>
  );
}

function attributes({ name, fault }: FieldProps) {
  return { id: `field-${name}`, name, "aria-invalid": fault !== undefined, "aria-describedby": fault ? `fault-${name}` : undefined };
}

function Text(props: FieldProps) {
  const { name, values, set } = props;
  return (
    <Field {...props}>
      <input {...attributes(props)} autocomplete="off" value={String(values[name])} onInput={(event) => set(event.currentTarget.value)} />
    </Field>
  );
}

function Area(props: FieldProps) {
  const { name, values, set } = props;
  return (
    <Field {...props}>
      <textarea
        {...attributes(props)}
        rows={3}
        spellcheck={false}
        value={String(values[name])}
        onInput={(event) => set(event.currentTarget.value)}
      />
    </Field>
  );
}

function Choice(props: FieldProps & { options: readonly (readonly [string, string])[] }) {
  const { name, values, set, options } = props;
  return (
    <Field {...props}>
      <select {...attributes(props)} value={String(values[name])} onChange={(event) => set(event.currentTarget.value)}>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </Field>
  );
}

function Check(props: FieldProps) {
  const { name, label, fault, values, set } = props;
  return (
    <div class="field">
      <label class="check">
        <input
          {...attributes(props)}
          type="checkbox"
          checked={Boolean(values[name])}
          onChange={(event) => set(event.currentTarget.checked)}
        />
        {label}
      </label>
      {fault && <p class="field-error">{fault}</p>}
    </div>
  );
}
