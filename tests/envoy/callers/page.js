// What a page tries at the front, from another origin: each as a status, or as the browser's refusal.
const text = new TextDecoder();
const get = id => {
  const message = new Uint8Array([10, id.length, ...new TextEncoder().encode(id)]);
  return new Uint8Array([0, 0, 0, 0, message.length, ...message]);
};
const json = {'content-type': 'application/json', authorization: 'Bearer ' + 't'.repeat(30000)};
const web = {'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1'};
const call = (id, headers = web) =>
  fetch(front + '/vimesh.v1.VimService/GetVim', {method: 'POST', body: get(id), headers});
const vim = JSON.stringify({vim: {name: 'made by a page'}});
const attempts = {
  grpc_web: async () => /grpc-status:(\d+)/.exec(text.decode(await (await call('some')).arrayBuffer()))[1],
  grpc_web_error: async () => {
    const answer = await call('VIM_NOT_FOUND');
    return `${answer.headers.get('grpc-status')} ${answer.headers.get('grpc-status-details-bin') !== null}`;
  },
  json_read: async () => (await (await fetch(front + '/v1/vims/some', {headers: json})).json()).vim.id,
  json_error: async () => (await (await fetch(front + '/v1/vims/VIM_NOT_FOUND')).json()).code,
  json_change: async () => (await fetch(front + '/v1/vims', {method: 'POST', body: vim, headers: json})).status,
  json_delete: async () => (await fetch(front + '/v1/vims/gone', {method: 'DELETE'})).status,
  // Sent without asking first: the page hears nothing, whatever the front does with it.
  text: async () => (await fetch(front + '/v1/vims', {method: 'POST', body: vim, mode: 'no-cors'})).type,
  beacon: async () => navigator.sendBeacon(front + '/v1/vims', vim),
};
const results = {};
for (const [name, attempt] of Object.entries(attempts)) {
  try { results[name] = String(await attempt()); } catch (error) { results[name] = error.name; }
}
await tell(results);
