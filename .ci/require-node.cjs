// Runs before `npm start` and `npm test`, on whatever Node npm found: the project's own Node 26 is a development
// dependency whose install script puts it first in the path of npm scripts. Plain syntax, so that an old Node can say it.
'use strict'

const REQUIRED_MAJOR = 26

if (Number(process.versions.node.split('.')[0]) < REQUIRED_MAJOR) {
  console.error(
    `This project runs on Node ${REQUIRED_MAJOR}, but npm found Node ${process.versions.node} (${process.execPath}).\n` +
      'npm brings Node 26 along when install scripts may run: use `npm ci` without --ignore-scripts.',
  )
  process.exit(1)
}
