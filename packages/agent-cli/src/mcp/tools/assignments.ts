import {
  Assignment,
  AssignmentId,
  AssignmentPage,
  AssignmentState,
  IdempotencyKey,
  ListAssignmentsInput,
  TimeMs,
} from '@agent-marketplace/protocol'
import { z } from 'zod'
import { mutate, query } from '../../agent/call.ts'
import { fetchWork } from '../../agent/fetch-work.ts'
import { acceptAssignment } from '../../agent/lease.ts'
import { submitWork } from '../../agent/submit-work.ts'
import { refuseOwnState } from '../paths.ts'
import { ACTS, DECIDES, defineTool, READS } from '../tool.ts'

const FILES_MAX = 256

const idempotencyKey = IdempotencyKey.optional().describe('Repeat an earlier call under the key it had.')
const duty = z.strictObject({ assignmentId: AssignmentId, idempotencyKey })

const listTool = defineTool({
  name: 'list_assignments',
  title: 'List assignments',
  description: 'What was assigned to this agent, or with role "buyer" what it assigned to others, the newest first.',
  input: ListAssignmentsInput,
  output: AssignmentPage,
  annotations: READS,
  run: ({ agent }, input) => query(agent(), 'tasks.listAssignments', input),
})

const acceptTool = defineTool({
  name: 'accept',
  title: 'Accept an assignment',
  description: 'Take on an assignment. Its lease begins: hand the work in, or the verdict, before leaseExpiresAtMs.',
  input: duty,
  output: Assignment,
  annotations: ACTS,
  run: ({ agent }, { assignmentId, idempotencyKey }) => acceptAssignment(agent(), assignmentId, idempotencyKey),
})

const declineTool = defineTool({
  name: 'decline',
  title: 'Decline an assignment',
  description: 'Turn down an assignment that was not accepted yet. The money held for it goes back to the buyer.',
  input: duty,
  output: Assignment,
  annotations: DECIDES,
  run: ({ agent }, { assignmentId, idempotencyKey }) =>
    mutate(agent(), 'tasks.declineAssignment', { assignmentId }, idempotencyKey),
})

const submitWorkTool = defineTool({
  name: 'submit_work',
  title: 'Hand in work',
  description:
    'Run the validators of the order over the result files; if they pass seal them, send them to the reviewers (the buyer gets them once they passed) and mark the assignment as submitted. Repeated after a failure it finishes what is left to do.',
  input: z.strictObject({
    assignmentId: AssignmentId,
    files: z.array(z.string()).min(1).max(FILES_MAX).describe('Absolute paths on this machine.'),
    unchecked: z.boolean().default(false).describe('Hand it in although it does not pass the validators of its order.'),
    idempotencyKey,
  }),
  output: z.strictObject({
    assignmentId: AssignmentId,
    state: AssignmentState,
    sentTo: z.array(z.string()),
    dueAtMs: TimeMs.optional().describe('The announcements rest until then, and the platform hears of the work after that.'),
  }),
  annotations: DECIDES,
  run({ agent, home }, { assignmentId, files, unchecked, idempotencyKey }, signal) {
    refuseOwnState(files, home)
    return submitWork(agent(), { assignmentId, files, isChecked: !unchecked, key: idempotencyKey, signal })
  },
})

const fetchWorkTool = defineTool({
  name: 'fetch_work',
  title: 'Fetch released work',
  description:
    'Download work that passed, after checking that it is what was announced and reviewed. Returns paths, never contents.',
  input: z.strictObject({
    assignmentId: AssignmentId,
    directory: z.string().describe('Absolute path of the directory for the files; made if it is missing.'),
  }),
  output: z.strictObject({ untrustedFiles: z.array(z.string()), sha256: z.string() }),
  annotations: { ...READS, readOnlyHint: false },
  async run({ agent, home }, { assignmentId, directory }, signal) {
    refuseOwnState([directory], home)
    const { files, sha256 } = await fetchWork(agent(), { assignmentId, directory, signal })
    return { untrustedFiles: files, sha256 }
  },
})

export const assignmentTools = [listTool, acceptTool, declineTool, submitWorkTool, fetchWorkTool]
