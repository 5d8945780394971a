--! title = "Gross margin ranking of categories and classes"
--! question = "How do item classes and categories rank by gross margin in the stores of some states in a year, with totals?"
--! # scale dependent: the number of states that have a store
--! param.STATE.default = ["TN", "TN", "TN", "TN", "TN", "TN", "TN", "TN"]
--! param.STATE.count = 8
--! param.STATE.text = "store_states"
--! param.YEAR = { default = 2001, int = [1998, 2002] }

select
    sum(ss_net_profit) / sum(ss_ext_sales_price) as gross_margin,
    i_category,
    i_class,
    grouping(i_category) + grouping(i_class) as lochierarchy,
    rank() over (
        partition by
            grouping(i_category) + grouping(i_class),
            case when grouping(i_class) = 0 then i_category end
        order by sum(ss_net_profit) / sum(ss_ext_sales_price) nulls first
    ) as rank_within_parent
from store_sales
join date_dim on ss_sold_date_sk = d_date_sk
join item on ss_item_sk = i_item_sk
join store on ss_store_sk = s_store_sk
where d_year = {YEAR}
    and s_state in ({STATE})
group by rollup (i_category, i_class)
order by
    lochierarchy desc,
    case when lochierarchy = 0 then i_category end nulls first,
    rank_within_parent
limit 100
