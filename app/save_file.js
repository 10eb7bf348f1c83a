// The export goes from the answer straight to the visitor's disk: the server keeps no file of it.
(file) => {
  if (!file) return '';
  const [name, text] = [file.slice(0, file.indexOf('\n')), file.slice(file.indexOf('\n') + 1)];
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type: 'application/octet-stream'}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  return '';
}
