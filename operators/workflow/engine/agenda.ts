/** Whole numbers, each once, in order. Numbers come mostly in order, and are taken mostly from the front. */
export class Agenda {
  #numbers: number[] = [];
  #head = 0;

  get size(): number {
    return this.#numbers.length - this.#head;
  }

  add(number: number): void {
    const numbers = this.#numbers;
    const last = numbers.at(-1);
    if (this.size === 0 || last === undefined || number > last) {
      numbers.push(number);
      return;
    }
    const at = this.#find(number);
    if (numbers[at] !== number) numbers.splice(at, 0, number);
  }

  delete(number: number): void {
    if (this.first === number) {
      this.take();
      return;
    }
    const at = this.#find(number);
    if (this.#numbers[at] === number) this.#numbers.splice(at, 1);
  }

  has(number: number): boolean {
    return this.size > 0 && this.#numbers[this.#find(number)] === number;
  }

  /** The smallest; undefined when there is none. */
  get first(): number | undefined {
    return this.#numbers[this.#head];
  }

  /** The smallest that is larger than `number`. */
  after(number: number): number | undefined {
    return this.#numbers[this.#find(number + 1)];
  }

  /** Takes the smallest away. */
  take(): number | undefined {
    const number = this.first;
    if (number === undefined) return undefined;
    this.#head++;
    if (this.#head > 1000 && this.#head * 2 > this.#numbers.length) {
      this.#numbers = this.#numbers.slice(this.#head);
      this.#head = 0;
    }
    return number;
  }

  /** Where the number is, or belongs. */
  #find(number: number): number {
    let [low, high] = [this.#head, this.#numbers.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#numbers[middle] as number) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
