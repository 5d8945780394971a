--! title = "Web revenue of categories and classes, ranked"
--! question = "How does the net paid amount of web sales roll up over item categories and classes in twelve months, and how does each rank below its parent?"
--! param.DMS = { default = 1200, int = [1176, 1224] }

select
    sum(ws_net_paid) as total_sum,
    i_category,
    i_class,
    grouping(i_category) + grouping(i_class) as lochierarchy,
    rank() over (
        partition by
            grouping(i_category) + grouping(i_class),
            case when grouping(i_class) = 0 then i_category end
        order by sum(ws_net_paid) desc nulls last
    ) as rank_within_parent
from web_sales
join date_dim on ws_sold_date_sk = d_date_sk
join item on ws_item_sk = i_item_sk
where d_month_seq between {DMS} and {DMS} + 11
group by rollup (i_category, i_class)
order by
    lochierarchy desc,
    case when lochierarchy = 0 then i_category end nulls first,
    rank_within_parent
limit 100
