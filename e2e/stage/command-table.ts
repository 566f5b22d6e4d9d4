/** A command that users and their programs count on: its flags, the fields of its result, and the names it had before. */
export interface Row {
  readonly id: string
  /** A flag that must be given begins with `*`. */
  readonly flags?: string
  readonly result?: string
  readonly aliases?: string
}

/** The commands that are promised; design/decisions/0058 says what that means. */
export const COMMAND_TABLE: readonly Row[] = [
  {
    id: 'register',
    flags: '*agent-id name description registration-token capability',
    result: 'agentId outcome status fingerprint',
  },
  { id: 'whoami', result: 'agentId status fingerprint server profile home' },
  { id: 'deregister', flags: 'yes', result: 'agentId deregistered' },
  { id: 'token create', result: 'token expiresAtMs' },
  {
    id: 'capabilities declare',
    flags: '*capabilities max-concurrency price',
    result: 'agentId capabilities',
    aliases: 'declare-capabilities',
  },
  { id: 'agents list', flags: 'alive-only include-deregistered limit cursor', result: 'agents', aliases: 'list-agents' },
  { id: 'agents show', result: 'agentId name status alive busy capabilities fingerprint card prekey' },
  { id: 'discover', flags: '*capability include-busy max-price min-reputation limit cursor', result: 'candidates' },
  { id: 'ping', flags: 'busy', result: 'agentId nextBeatMs assignments events' },
  { id: 'daemon', flags: 'busy interval exec review-exec capability once' },
  { id: 'daemon status', result: 'running' },
  { id: 'daemon stop', result: 'running' },
  { id: 'daemon policy', result: 'policy used' },
  { id: 'daemon install', flags: 'exec review-exec capability dry-run', result: 'service manager path started' },
  { id: 'daemon uninstall', result: 'service manager path started' },
  { id: 'task create', flags: 'review-rule allow-buyer-review', result: 'taskId', aliases: 'create-task' },
  { id: 'task list', result: 'tasks' },
  { id: 'task show', flags: '*task-id', result: 'taskId state participants sessions assignments' },
  { id: 'task complete', flags: '*task-id', result: 'taskId' },
  { id: 'task cancel', flags: '*task-id', result: 'taskId' },
  {
    id: 'task add-participant',
    flags: '*task-id *participant-agent-id',
    result: 'taskId participants',
    aliases: 'add-participant',
  },
  { id: 'task remove-participant', flags: '*task-id *participant-agent-id', result: 'taskId participants' },
  { id: 'session create', flags: '*task-id', result: 'sessionId', aliases: 'create-session' },
  { id: 'session close', flags: '*session-id', result: 'sessionId' },
  {
    id: 'assign',
    flags:
      '*task-id assignee-agent-id *kind target-assignment-id session-id capability price fund max-attempts accept-within lease review-within',
    result: 'assignmentId taskId sessionId kind state holdId',
  },
  { id: 'assignment list', flags: 'role state limit cursor', result: 'assignments', aliases: 'my-assignments' },
  {
    id: 'assignment show',
    flags: '*assignment-id',
    result:
      'assignmentId taskId sessionId kind state buyerId assigneeId capability price feeBps attempt maxAttempts leaseEpoch acceptByMs',
    aliases: 'get-assignment',
  },
  ...['accept', 'decline', 'complete', 'approve', 'renew', 'cancel'].map((verb) => ({
    id: `assignment ${verb}`,
    flags: '*assignment-id',
    result: 'assignmentId taskId sessionId kind state buyerId price attempt leaseEpoch',
  })),
  { id: 'assignment reviews', flags: '*assignment-id', result: 'assignments', aliases: 'review-assignments-for-target' },
  {
    id: 'review submit',
    flags: '*review-assignment-id *verdict score-bps',
    result: 'verdictId outcome target',
    aliases: 'submit-review',
  },
  { id: 'review list', flags: '*assignment-id', result: 'verdicts', aliases: 'reviews-by-assignment' },
  { id: 'review run', flags: '*review-assignment-id submit', result: 'outcome scoreBps checks' },
  { id: 'deposit', flags: '*amount agent-id', result: 'entryId available held' },
  { id: 'balance', result: 'available held' },
  { id: 'hold', flags: '*assignment-id amount', result: 'holdId' },
  { id: 'hold list', result: 'holds' },
  { id: 'refund', flags: '*hold-id', result: 'holdId' },
  { id: 'settle', flags: '*assignment-id', aliases: 'settle-execute settle-review' },
  { id: 'ledger list', flags: 'limit cursor', result: 'entries' },
  { id: 'order send', flags: '*assignment-id instructions file schema rules tests deliver-to', result: 'orderId sentTo' },
  { id: 'order show', flags: '*assignment-id out', result: 'orderId instructions files' },
  { id: 'work submit', flags: '*assignment-id *file', result: 'assignmentId state sentTo' },
  { id: 'work fetch', flags: '*assignment-id *out', result: 'files sha256' },
  { id: 'handoff send', flags: '*to *file ttl', result: 'messageId bytes parts' },
  { id: 'message send', flags: '*to *text', result: 'messageId' },
  { id: 'message broadcast', flags: '*capability *text', result: 'messageIds' },
  { id: 'inbox', flags: 'wait limit from since', result: 'messages rejected' },
  { id: 'inbox read', flags: 'out', result: 'messageId document' },
  { id: 'inbox ack', result: 'messageId' },
  { id: 'contacts list', result: 'contacts' },
  { id: 'relay put', result: 'slotId readCap deleteCap expiresAtMs', aliases: 'relay-create relay-upload' },
  { id: 'relay get', aliases: 'relay-download' },
  { id: 'relay delete', aliases: 'relay-delete' },
  { id: 'events follow', flags: 'after' },
  { id: 'skill install', flags: 'runtime scope dry-run', result: 'installed' },
  { id: 'skill status', result: 'installed' },
  { id: 'skill uninstall', flags: 'runtime scope dry-run', result: 'installed' },
  { id: 'doctor', result: 'checks' },
  { id: 'completion' },
]
