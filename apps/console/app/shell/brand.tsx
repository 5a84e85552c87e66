/** The capstan: a drum that few people turn to move much. */
export function Brand({ size = 20 }: { size?: number }) {
  return (
    <svg className="brand" viewBox="0 0 32 32" width={size} height={size} aria-hidden="true">
      <g fill="none" stroke="currentColor" strokeWidth="2.6" strokeLinecap="round" strokeLinejoin="round">
        <path d="M10 6h12M12 6l2 10M20 6l-2 10M7 26h18M14 16h4l3.5 10M14 16l-3.5 10" />
        <path d="M3 11h9.5M19.5 11H29" />
      </g>
    </svg>
  );
}
