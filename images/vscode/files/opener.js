// Opens what `code FILE` named before anybody looked: each file once, in the first window.
const fs = require("fs");
const path = require("path");
const vscode = require("vscode");

const list = path.join(process.env.ONYXIA_SESSION || "/tmp/onyxia-session", "open");

// What is named; the rename gives it to one window alone.
function take() {
  const mine = `${list}.${process.pid}`;
  try {
    fs.renameSync(list, mine);
  } catch {
    return [];
  }
  const names = fs.readFileSync(mine, "utf8").split("\0").filter(Boolean);
  fs.unlinkSync(mine);
  return names;
}

async function openAll() {
  for (const name of take()) {
    const isFolder = fs.existsSync(name) && fs.statSync(name).isDirectory();
    await vscode.commands.executeCommand(
      isFolder ? "vscode.openFolder" : "vscode.open", vscode.Uri.file(name),
    );
  }
}

exports.activate = async (context) => {
  await openAll();
  try {
    const watcher = fs.watch(path.dirname(list), (_event, name) => {
      // A moment later, when all of them are written.
      if (name === path.basename(list)) setTimeout(openAll, 300);
    });
    context.subscriptions.push({ dispose: () => watcher.close() });
  } catch {
    // There is no session directory: nobody can name a file.
  }
};
