/** Texts in which much goes on, in several languages: for tests of every beginning of them. */
export const CORPUS = {
  English: `# Title
Text with H<sub>2</sub>O, <kbd>Ctrl</kbd>, a note[^1] and <script>alert(1)</script>.

> [!WARNING]
> Mind the **gap** ![x](https://canary.example/a.png)

<details>
<summary>More *here* <img src=https://canary.example/b.png></summary>

- one
- [ ] two <b onclick=x>

\`\`\`html
<iframe src="https://canary.example/c"></iframe>
</details>
\`\`\`
</details>

| a | b <svg onload=x> |
|---|:-:|
| \`x|y\` | ~~old~~ |

[^1]: The note, [link](javascript:alert(1)) and [ref].

[ref]: https://canary.example/d "t"
`,
  German: `## Größe & Maß
„**Wichtig**“: Straße 5–7, 3~4 Stück zu 5 $ bis 10 $, $x^2$.

1. Erstens
   - [x] erledigt <a href="https://canary.example/e">x</a>
   - [ ] offen
2. Zweitens <style>body{background:url(https://canary.example/f)}</style>

\\begin{align}
a &= b \\\\
c &= d
\\end{align}
`,
  Chinese: `### 标题
**「重要」**的是2~3天，见https://canary.example/路径。*（注意）*！

> [!NOTE]
> 请看\`代码\`和$a_1$。

- 一
- 二：<math><mi xlink:href=javascript:x>

![图](https://canary.example/g.png)
`,
  Hungarian: `Árvíztűrő **tükörfúrógép**, e-mail: a@canary.example, <mark>jelölt</mark>.

~~~python
print("őű")
~~~

<object data=https://canary.example/h></object> &lt;b&gt; &#x3c;i&#x3e;
`,
  Hebrew: `# כותרת
זו שורה עם \`./go.sh -x\` ו-**הדגשה**.

- פריט <video src=https://canary.example/i>
  1. אחד
  2. שתיים

\\[ x = 1 \\]
`,
  Arabic: `مرحبا **بالعالم**، 2~3 أيام. [رابط](https://canary.example/j)

> اقتباس <input autofocus onfocus=x>

\`\`\`mermaid
graph TD
  A["<img src=https://canary.example/k>"] --> B
\`\`\`
`,
};
