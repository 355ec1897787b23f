/** The titles of the columns of a table, for its first row. */
export function ColumnHeads({ titles }: { titles: readonly string[] }) {
  return (
    <>
      {titles.map((title) => (
        <th key={title} scope="col">
          {title}
        </th>
      ))}
    </>
  );
}
