import { create, type JsonObject, type MessageInitShape } from "@bufbuild/protobuf";
import type { Vim } from "vimesh-client/v1/vim";
import { Monitor_Engine, ProbePolicy_Method, ProbePolicySchema, VimSchema } from "vimesh-client/v1/vim";
import { durationText, writtenDuration } from "../parts/times.js";
import { T } from "../texts.js";

/** What the fields of the form hold: texts, as they were typed. Their names are those of the contract. */
export interface FormValues {
  readonly name: string;
  readonly type: string;
  readonly auth_url: string;
  readonly project_id: string;
  readonly description: string;
  readonly labels: string;
  readonly is_default: boolean;
  readonly engine: string;
  readonly "probe_policy.method": string;
  readonly "probe_policy.interval": string;
  readonly "probe_policy.timeout": string;
  readonly "probe_policy.fall": string;
  readonly "probe_policy.rise": string;
  readonly "probe_policy.fail_for": string;
  readonly "probe_policy.vantages": string;
  readonly "probe_policy.quorum": string;
  readonly "probe_policy.tls_verify": boolean;
  readonly vim_project: string;
  readonly auth_cred: string;
  readonly placement_attr: string;
  readonly extra: string;
}

export type FieldName = keyof FormValues;

export const EMPTY: FormValues = {
  ...{ name: "", type: "openstack", auth_url: "", project_id: "", description: "", labels: "", is_default: false, engine: "0" },
  ...{ "probe_policy.method": "0", "probe_policy.interval": "", "probe_policy.timeout": "", "probe_policy.fall": "" },
  ...{ "probe_policy.rise": "", "probe_policy.fail_for": "", "probe_policy.vantages": "", "probe_policy.quorum": "" },
  ...{ "probe_policy.tls_verify": false, vim_project: "", auth_cred: "", placement_attr: "", extra: "" },
};

export function valuesOf(vim: Vim): FormValues {
  const { probePolicy: policy } = vim;
  const json = (value: JsonObject | undefined) => (value ? JSON.stringify(value, undefined, 1) : "");
  return {
    name: vim.name,
    type: vim.type,
    auth_url: vim.authUrl,
    project_id: vim.projectId,
    description: vim.description,
    labels: Object.entries(vim.labels).map(([key, value]) => `${key}=${value}`).sort().join("\n"),
    is_default: vim.isDefault,
    engine: String(vim.monitor?.engine ?? Monitor_Engine.ENGINE_UNSPECIFIED),
    "probe_policy.method": String(policy?.method ?? ProbePolicy_Method.METHOD_UNSPECIFIED),
    "probe_policy.interval": durationText(policy?.interval),
    "probe_policy.timeout": durationText(policy?.timeout),
    "probe_policy.fall": policy?.fall ? String(policy.fall) : "",
    "probe_policy.rise": policy?.rise ? String(policy.rise) : "",
    "probe_policy.fail_for": durationText(policy?.failFor),
    "probe_policy.vantages": policy?.vantages.join(", ") ?? "",
    "probe_policy.quorum": policy?.quorum ? String(policy.quorum) : "",
    "probe_policy.tls_verify": policy?.tlsVerify ?? false,
    vim_project: json(vim.vimProject),
    auth_cred: json(vim.authCred),
    placement_attr: json(vim.placementAttr),
    extra: json(vim.extra),
  };
}

/** The fields that differ, as the mask of a change. The engine needs no mask, and the project cannot be changed. */
export function changedFields(before: FormValues, after: FormValues): FieldName[] {
  return (Object.keys(after) as FieldName[]).filter((name) => after[name] !== before[name] && name !== "engine" && name !== "project_id");
}

/** What is judged when only some fields are sent: a stored value of another field may be one that this form cannot read. */
export function faultsOf(faults: ReadonlyMap<FieldName, string>, fields: readonly FieldName[]): ReadonlyMap<FieldName, string> {
  return new Map([...faults].filter(([name]) => fields.includes(name)));
}

export interface ReadValues {
  readonly vim: MessageInitShape<typeof VimSchema>;
  readonly engine: Monitor_Engine;
  /** What cannot be read at all, by field. Everything else is judged by the fleet. */
  readonly faults: ReadonlyMap<FieldName, string>;
}

/** Read the texts. */
export function readValues(values: FormValues): ReadValues {
  const faults = new Map<FieldName, string>();
  const duration = (name: "probe_policy.interval" | "probe_policy.timeout" | "probe_policy.fail_for") => {
    const text = values[name].trim();
    const read = text ? writtenDuration(text) : undefined;
    if (text && !read) faults.set(name, T.form.notDuration);
    return read;
  };
  const whole = (name: "probe_policy.fall" | "probe_policy.rise" | "probe_policy.quorum") => {
    const text = values[name].trim();
    if (text && !/^\d{1,9}$/.test(text)) faults.set(name, T.form.notNumber);
    return faults.has(name) ? 0 : Number(text);
  };
  const json = (name: "vim_project" | "auth_cred" | "placement_attr" | "extra"): JsonObject | undefined => {
    const text = values[name].trim();
    if (!text) return undefined;
    try {
      const read: unknown = JSON.parse(text);
      if (typeof read === "object" && read !== null && !Array.isArray(read)) return read as JsonObject;
    } catch {
      // Said below.
    }
    faults.set(name, T.form.notJson);
    return undefined;
  };
  const labels: Record<string, string> = {};
  for (const line of values.labels.split("\n").map((one) => one.trim())) {
    if (!line) continue;
    const cut = line.indexOf("=");
    if (cut < 1) faults.set("labels", T.form.notLabel(line));
    else labels[line.slice(0, cut).trim()] = line.slice(cut + 1).trim();
  }
  const interval = duration("probe_policy.interval");
  const timeout = duration("probe_policy.timeout");
  const failFor = duration("probe_policy.fail_for");
  const probePolicy = create(ProbePolicySchema, {
    method: Number(values["probe_policy.method"]) as ProbePolicy_Method,
    ...(interval && { interval }),
    ...(timeout && { timeout }),
    ...(failFor && { failFor }),
    fall: whole("probe_policy.fall"),
    rise: whole("probe_policy.rise"),
    vantages: values["probe_policy.vantages"].split(/[\s,]+/).filter(Boolean),
    quorum: whole("probe_policy.quorum"),
    tlsVerify: values["probe_policy.tls_verify"],
  });
  const [vimProject, authCred] = [json("vim_project"), json("auth_cred")];
  const [placementAttr, extra] = [json("placement_attr"), json("extra")];
  const vim = create(VimSchema, {
    name: values.name.trim(),
    type: values.type,
    authUrl: values.auth_url.trim(),
    projectId: values.project_id.trim(),
    description: values.description,
    labels,
    isDefault: values.is_default,
    probePolicy,
    ...(vimProject && { vimProject }),
    ...(authCred && { authCred }),
    ...(placementAttr && { placementAttr }),
    ...(extra && { extra }),
  });
  return { vim, engine: Number(values.engine) as Monitor_Engine, faults };
}
