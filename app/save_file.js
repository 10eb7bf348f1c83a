// The export goes from the answer straight to the visitor's disk: the server keeps no file of it.
(file) => {
  if (!file) return '';
  const at = file.indexOf('\n');
  const bytes = Uint8Array.from(atob(file.slice(at + 1)), (character) => character.charCodeAt(0));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([bytes], {type: 'application/octet-stream'}));
  link.download = file.slice(0, at);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  return '';
}
